import { isClosedError, isInvalidArgumentError } from 'keelson'
import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, full, gated, gateOf, serve, single, versions } from '../support/express.ts'

describe.each(versions)('admission in %s', (_, express: ExpressModule) => {
  describe('never breaks a request', () => {
    it.each(['skip', 'key', 'priority', 'isFailure'] as const)(
      'when %s fails: it counts as not given',
      async (name) => {
        const { atrion, reported } = gated()
        const app = express()
        const fault = new Error('my fault')
        const faults = [
          () => {
            throw fault
          },
          () => 'urgent',
          async () => {
            throw fault
          },
        ]
        let call = 0
        const question = () => faults[call++]!()
        app.use(admission({ atrion, [name]: question }), (_req, res) => void res.send('fine'))
        const { get } = await serve(app)
        for (let i = 0; i < 3; i++) expect(await get('/')).toMatchObject({ status: 200, body: 'fine' })
        await expect.poll(() => call).toBe(3)
        const errors = reported.map(({ error }) => error)
        expect(reported.every(({ origin }) => origin === `admission: ${name}`)).toBe(true)
        expect(errors[0]).toBe(fault)
        expect(isInvalidArgumentError(errors.at(-1))).toBe(true)
        expect(errors).toHaveLength(name === 'priority' ? 3 : 2)
      },
    )

    it.each([
      [
        'throws',
        () => {
          throw new Error('my fault')
        },
      ],
      [
        'rejects',
        async () => {
          throw new Error('my fault')
        },
      ],
    ])('when onShed %s', async (_name, onShed) => {
      const { get, reported } = await full(express, { onShed })
      expect((await get('/')).status).toBe(503)
      expect(reported).toEqual([{ error: new Error('my fault'), origin: 'admission: onShed' }])
    })

    it('when a handler throws what is no error, or cannot be read: it is the error of this request, and of no other', async () => {
      const revoked = Proxy.revocable({}, {})
      revoked.revoke()
      for (const thrown of [undefined, null, 'route', 'router', Object.create(null), revoked.proxy]) {
        const handlers = [
          () => {
            throw thrown
          },
          () => Promise.reject(thrown),
          () => ({ then: (_done: unknown, no: (error: unknown) => void) => no(thrown) }),
        ]
        for (const handler of handlers) {
          const { get, release, slow } = await full(express, { handler })
          expect((await get('/')).status).toBe(500)
          release()
          expect((await slow).status).toBe(200)
        }
      }
    })

    it('when the Atrion is closed: all pass, and it is said once', async () => {
      const { get, atrion, reported, send, release, slow } = await full(express, {}, { ...single, maxQueue: 1 })
      const waiting = send('/').answer
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
      atrion.close()
      expect(await waiting).toMatchObject({ status: 200, body: 'fine' })
      expect((await get('/')).status).toBe(200)
      expect((await get('/')).status).toBe(200)
      release()
      expect((await slow).status).toBe(200)
      expect(reported).toHaveLength(1)
      expect(isClosedError(reported[0]!.error)).toBe(true)
    })
  })
})
