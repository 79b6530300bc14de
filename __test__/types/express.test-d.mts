import express from 'express'
import { Atrion, type Shed } from 'keelson'
import { admission, type AdmissionOptions, type ShedHandler } from 'keelson/express'

const app = express()
app.use(admission())
const handler: ShedHandler = (_req, res, _next, shed) => {
  res.status(429).json({ retryAfterMs: shed.retryAfterMs })
}
const options: AdmissionOptions = {
  atrion: new Atrion(),
  priority: (req) => (req.path === '/pay' ? 'critical' : 80),
  key: (req) => req.get('x-tenant'),
  skip: (req) => req.path === '/health',
  onShed: (_req, shed) => void (shed satisfies Shed),
  timeoutMs: 500,
  handler,
  shadow: true,
}
app.get('/users/:id', admission(options), (req, res) => {
  // The middleware does not widen what the route knows of its parameters.
  req.params.id satisfies string
  res.send('ok')
})

// @ts-expect-error no such priority
app.use(admission({ priority: 'vip' }))
// @ts-expect-error no such option
app.use(admission({ limits: 5 }))
