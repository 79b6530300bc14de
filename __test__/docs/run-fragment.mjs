// Runs a block that a reader puts into a program of their own. Such a block may leave a server open: the program ends
// once the last line of the block has run and the event loop has turned.
await import(process.env.KEELSON_FRAGMENT)
setImmediate(() => setImmediate(() => process.exit()))
