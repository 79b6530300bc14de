// The page of one editor. The document is the fragment of the address: http://…/#minutes
import { Editor } from './editor.mjs'
import { BEAT_MS, isDocumentName } from './protocol.mjs'

const element = (id) => document.getElementById(id)
const text = element('text')
const name = decodeURIComponent(location.hash.slice(1))
const documentName = isDocumentName(name) ? name : 'welcome'
const site = crypto.getRandomValues(new Uint32Array(2)).join('-')

const editor = new Editor({ document: documentName, site, name: `editor ${site.slice(0, 3)}`, onChange: show })
let socket

/** Places in a text field count UTF-16 units, and those of an editor code points. */
const unitsBefore = (string, points) => Array.from(string).slice(0, points).join('').length
const pointsBefore = (string, units) => Array.from(string.slice(0, units)).length

function show() {
  if (text.value !== editor.text) {
    text.value = editor.text
    const place = unitsBefore(editor.text, editor.cursor)
    text.setSelectionRange(place, place)
  }
  const isOpen = socket?.readyState === WebSocket.OPEN
  element('status').textContent =
    editor.refused ?? (isOpen ? (editor.isSaved ? 'saved' : 'saving…') : 'offline: you can go on typing')
  element('editors').replaceChildren(
    ...editor.presence.map((other) => {
      const item = document.createElement('li')
      item.textContent = `${other.name}${other.site === site ? ' (you)' : ''} at ${other.cursor}`
      return item
    }),
  )
  element('history').max = String(editor.position)
}

function connect() {
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/socket`)
  socket.addEventListener('open', () => editor.connect((message) => socket.send(message)))
  socket.addEventListener('message', ({ data }) => editor.receive(data))
  socket.addEventListener('close', () => {
    editor.disconnect()
    if (editor.refused === undefined) setTimeout(connect, 500)
  })
}

text.addEventListener('input', () => {
  editor.setText(text.value)
  editor.cursor = pointsBefore(text.value, text.selectionStart)
})
document.addEventListener('selectionchange', () => {
  if (document.activeElement === text) editor.cursor = pointsBefore(text.value, text.selectionStart)
})
element('history').addEventListener('input', async ({ target }) => {
  const response = await fetch(`/history/${documentName}?after=${target.value}`)
  element('past').textContent = response.ok ? (await response.json()).text : `not now (${response.status})`
})
setInterval(() => socket.readyState === WebSocket.OPEN && editor.beat(), BEAT_MS)

element('document').textContent = documentName
show()
connect()
