import { ts } from "@ts-morph/common"

// openapi-typescript imports the API of TypeScript as a default.
export default ts
