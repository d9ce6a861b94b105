// Loaded into the server's process, so that it does not outlive the one that started it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
