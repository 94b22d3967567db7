import type { Role } from "../../Domain/Role.ts"
import type { Definition } from "../../Projector/Own/Definition.ts"

/** What `serve` takes. Without an option, it does what `threeqpr serve` does. */
export interface ServeOptions {
  /**
   * Settings by their names, such as `{ DATA_DIR: "./data", PORT: 3000 }`. They override the environment. `.env` is
   * not read.
   */
  readonly settings?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  /** The roles to run. All roles by default. */
  readonly roles?: ReadonlyArray<Role> | undefined
  /** Read models of your own, as `projection` returns them. */
  readonly projections?: ReadonlyArray<Definition> | undefined
}

/** A running `serve`. */
export interface Serving extends AsyncDisposable {
  /** The address of the public listener; undefined without the role `ingress`. */
  readonly publicUrl: string | undefined
  /** The address of the private listener. */
  readonly privateUrl: string
  /** Finishes requests and batches in progress, stops every part, and resolves when all are released. */
  readonly stop: () => Promise<void>
  /** Resolves when it has stopped; rejects with the reason if a required part ends by itself. */
  readonly ended: Promise<void>
}
