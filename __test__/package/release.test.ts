import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { platforms } from '../../scripts/lib/platforms.mjs'
import { binaryProblem, changelogSection, publishCommands, versionProblems } from '../../scripts/lib/release.mjs'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('versions', () => {
  test('every file of the checkout has the version of package.json', () => {
    expect(versionProblems(read)).toEqual([])
  })

  test('a file that lags behind is named', () => {
    const lagging = (path: string): string => (path === 'js/version.ts' ? "export const VERSION = '0.0.9'" : read(path))
    expect(versionProblems(lagging)).toEqual([
      expect.stringMatching(/^js\/version\.ts has version 0\.0\.9, and package\.json has /),
    ])
  })
})

describe('the section of the changelog', () => {
  const changelog =
    '# Changelog\n\n## [Unreleased]\n\n- later\n\n## [0.2.0] - 2026-01-01\n\n### Added\n\n- a\n\n## [0.1.0]\n\n'

  test('is what stands below the heading of the version', () => {
    expect(changelogSection(changelog, '0.2.0')).toBe('### Added\n\n- a')
  })

  test('is missing where there is no heading, or nothing below it', () => {
    expect(changelogSection(changelog, '0.2')).toBeUndefined()
    expect(changelogSection(changelog, '0.1.0')).toBeUndefined()
  })
})

test('the main package is published last, and the release of the repository after it', () => {
  const tarballs = ['dist-pack/keelson-0.2.0.tgz', 'dist-pack/keelson-binding-linux-x64-gnu-0.2.0.tgz']
  const commands: string[][] = publishCommands(tarballs, '0.2.0')
  expect(commands.map(([command, verb, what]) => `${command} ${verb} ${what}`)).toEqual([
    'npm publish dist-pack/keelson-binding-linux-x64-gnu-0.2.0.tgz',
    'npm publish dist-pack/keelson-0.2.0.tgz',
    'gh release create',
  ])
  expect(commands.slice(0, 2).every((command) => command.includes('--provenance'))).toBe(true)
})

test('a missing binary comes with the command that builds it', () => {
  for (const platform of platforms()) {
    expect(binaryProblem(platform, join(root, 'no.node'))).toBe(
      `is not built: \`npm run build -- --target ${platform.target}\``,
    )
  }
})

test.each([
  ['release', '--now', /^npm run release takes --dry-run or --publish: /],
  ['release', '--publish --dry-run', /^npm run release takes --dry-run or --publish: /],
  ['build', '--fast', /^npm run build takes --target <target>: /],
  ['build', '--target x86_64-unknown-freebsd', /^There is no target x86_64-unknown-freebsd; the targets are /],
])('npm run %s -- %s gets one sentence', (script, flags, sentence) => {
  const args = [join(root, 'scripts', `${script}.mjs`), ...flags.split(' ')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})
