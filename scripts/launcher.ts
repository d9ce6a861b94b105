import { existsSync, readFileSync } from 'node:fs'

/**
 * Calls back when the npm that started this process is gone: npm passes signals on, but not its own violent death. Where the system shows
 * no processes as files, nothing happens.
 */
export const whenLauncherIsGone = (then: () => void): void => {
  // npm runs a script in a shell, which some shells replace by the script.
  const npm = [process.ppid, parentOf(process.ppid)].find((pid) => read(pid, 'comm').startsWith('npm'))
  if (npm === undefined) return
  const watch = setInterval(() => {
    if (existsSync(`/proc/${npm}`)) return
    clearInterval(watch)
    then()
  }, 500)
  watch.unref()
}

const parentOf = (pid: number): number => Number(/^PPid:\s*(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0)

const read = (pid: number, file: 'comm' | 'status'): string => {
  const path = `/proc/${pid}/${file}`
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
