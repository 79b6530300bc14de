// A small server to bundle. It asks itself three times and prints the answers.
import express from 'express'
import { createSystem, GenServer } from 'keelson'
import { admission, rateLimit } from 'keelson/express'

async function main() {
  const system = createSystem()
  const greeter = await GenServer.start({ init: () => 'ahoy', handleCall: (_, word) => [word, word] }, { system })
  const app = express()
  app.use(admission({ system }))
  app.use(rateLimit({ system, limit: 2 }))
  app.get('/', (req, res, next) => void GenServer.call(greeter, 'greet').then((word) => res.send(word), next))

  const server = app.listen(0, '127.0.0.1', async () => {
    const { port } = server.address()
    const answers = []
    for (let request = 0; request < 3; request++) {
      const answer = await fetch(`http://127.0.0.1:${port}/`)
      await answer.text()
      answers.push(answer.status)
    }
    console.log(answers.join(' '))
    server.closeAllConnections()
    server.close(() => system.close())
  })
}

void main()
