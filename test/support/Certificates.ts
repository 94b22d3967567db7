import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const openssl = (folder: string, line: string) =>
  execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "ignore" })

const curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

/**
 * Files of a certificate authority, and of certificates that it signed for a loopback server and a client. They are
 * removed with the scope.
 */
export const certificates = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "threeqpr-certificates-"))
    writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1,DNS:localhost")
    openssl(folder, `req -x509 ${curve} -keyout ca.key -out ca.pem -subj /CN=authority -days 2`)
    for (const name of ["server", "client"]) {
      openssl(folder, `req ${curve} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`)
      openssl(
        folder,
        `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out ${name}.pem -days 2 -extfile names`
      )
    }
    const file = (name: string) => join(folder, name)
    return {
      folder,
      ca: file("ca.pem"),
      server: { cert: file("server.pem"), key: file("server.key") },
      client: { cert: file("client.pem"), key: file("client.key") }
    }
  }),
  ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)
