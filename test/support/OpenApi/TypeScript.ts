import { ts } from "@ts-morph/common"

// eslint-disable-next-line import/no-default-export -- openapi-typescript imports TypeScript so
export default ts
