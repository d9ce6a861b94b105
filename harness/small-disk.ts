import { execFileSync, spawnSync } from 'node:child_process'
import { statfsSync } from 'node:fs'

/** A disk in memory that can be full. Only who may mount can make one. */
export class SmallDisk {
  readonly #folder: string
  readonly #size: string

  private constructor(folder: string, size: string) {
    this.#folder = folder
    this.#size = size
  }

  /** Puts one at this folder, of a size as `mount` takes it (`12m`). Null where that is not allowed. */
  static mount(folder: string, size: string): SmallDisk | null {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
    return status === 0 ? new SmallDisk(folder, size) : null
  }

  /** Leaves no room: it becomes as small as what is on it. Answers whether that was done. */
  fill(): boolean {
    // What is written between the two makes the size too small, which is refused.
    for (let tries = 0; tries < 10; tries += 1) {
      const { blocks, bfree, bsize } = statfsSync(this.#folder)
      if (this.#resize(String((blocks - bfree) * bsize))) return true
    }
    return false
  }

  /** Has room again. */
  free(): void {
    if (!this.#resize(this.#size)) throw new Error('The disk stays full.')
  }

  /** Takes it away with all that is on it, also where somebody still uses it. */
  unmount(): void {
    execFileSync('umount', ['-l', this.#folder])
  }

  #resize(size: string): boolean {
    return spawnSync('mount', ['-o', `remount,size=${size}`, this.#folder]).status === 0
  }
}
