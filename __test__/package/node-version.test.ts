import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { engines, exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  engines: { node: string }
  exports: Record<string, unknown>
}
const names = Object.keys(exports)
  .filter((name) => !name.startsWith('./internal') && name !== './package.json')
  .map((name) => `keelson${name.slice(1)}`)

/** Returns the output of a program whose Node reports another version. */
function loaded(
  version: string,
  name: string,
  how: 'import' | 'require',
): { code: string; text: string; stderr: string } {
  const program = `
    Object.defineProperty(process, 'version', { value: ${JSON.stringify(version)} })
    const tell = (error) => console.log(JSON.stringify({ code: error?.code ?? 'loaded', text: error?.message ?? '' }))
    ${how === 'import' ? `import('${name}').then(() => tell(), tell)` : `try { require('${name}'); tell() } catch (error) { tell(error) }`}`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { cwd: root, encoding: 'utf8' })
  return { ...(JSON.parse(stdout) as { code: string; text: string }), stderr }
}

describe('a Node that is too old', () => {
  test.each(names.map((name, index) => [name, index % 2 === 0 ? 'import' : 'require'] as const))(
    'is told by %s which one is needed',
    (name, how) => {
      expect(loaded('v18.20.8', name, how)).toMatchObject({
        code: 'KEELSON_UNSUPPORTED_NODE',
        text: `keelson needs Node ${engines.node}, and this is Node 18.20.8`,
      })
    },
  )

  test.each(['v20.18.3', 'v21.7.0', 'v22.11.0'])('%s is not tested, which is said once', (version) => {
    const { code, stderr } = loaded(version, 'keelson', 'require')
    expect(code).toBe('loaded')
    expect(stderr.match(/KEELSON_UNSUPPORTED_NODE/g)).toHaveLength(1)
    expect(stderr).toContain(engines.node)
  })

  test.each(['v20.19.0', 'v22.12.0', 'v23.0.0', 'v24.1.0', 'v26.0.0', 'v100.0.0'])(
    '%s is as it should be',
    (version) => {
      expect(loaded(version, 'keelson', 'require')).toMatchObject({ code: 'loaded', stderr: '' })
    },
  )
})
