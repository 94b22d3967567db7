/** `threeqpr-events/projection`: read models of your own, for `serve --projections`. */
export type { Belongs, ByRow, BySql, Columns, Definition, Names } from "./Projector/Own/Definition.ts"
export { projection, ProjectionInvalid } from "./Projector/Own/Projection.ts"
export {
  type ExpectedRow,
  type GivenEvent,
  type Specification,
  SpecificationFailed,
  specify
} from "./Projector/Own/Specify.ts"
