/** A registry on the loopback address that serves packed packages, for package managers that install by name. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'

/** The manifest of a package, as far as the registry reads it. */
interface Manifest {
  readonly name: string
  readonly version: string
}

export interface LoopbackRegistry extends AsyncDisposable {
  readonly url: string
}

const manifestIn = (tarball: string): Manifest =>
  JSON.parse(execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' })) as Manifest

const digest = (bytes: Buffer, algorithm: string, encoding: 'hex' | 'base64'): string =>
  createHash(algorithm).update(bytes).digest(encoding)

/** Returns the answer of a registry about one version. */
function versionOf(tarball: string, manifest: Manifest, url: string): object {
  const bytes = readFileSync(tarball)
  const [shasum, sha512] = [digest(bytes, 'sha1', 'hex'), digest(bytes, 'sha512', 'base64')]
  return { ...manifest, dist: { tarball: `${url}/files/${basename(tarball)}`, shasum, integrity: `sha512-${sha512}` } }
}

/** Serves tarballs on a free port. The last version of a package is its latest. */
export async function serveRegistry(tarballs: readonly string[]): Promise<LoopbackRegistry> {
  const releases = tarballs.map((tarball) => ({ tarball, manifest: manifestIn(tarball) }))
  let url = ''
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const tarball = tarballs.find((file) => path === `files/${basename(file)}`)
    if (tarball !== undefined) {
      response.end(readFileSync(tarball))
      return
    }
    const found = releases.filter(({ manifest }) => manifest.name === path)
    if (found.length === 0) {
      response.writeHead(404).end('{}')
      return
    }
    const versions = Object.fromEntries(
      found.map(({ tarball: file, manifest }) => [manifest.version, versionOf(file, manifest, url)]),
    )
    const latest = found.at(-1)?.manifest.version
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ name: path, 'dist-tags': { latest }, versions }))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
