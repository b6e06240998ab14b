const CELLS = 30;

/** A bar with how much is done, for one line of a terminal: `[███▌      ]  12 %  words`. */
export function progressBar(share: number, words: string): string {
  const done = Math.min(1, Math.max(0, share));
  const full = Math.floor(done * CELLS);
  return `[${'█'.repeat(full)}${' '.repeat(CELLS - full)}] ${String(Math.floor(done * 100)).padStart(3)} %  ${words}`;
}

/** One line of a terminal that is written over and over; on anything else it stays silent. */
export class ProgressLine {
  constructor(private readonly terminal: NodeJS.WriteStream) {}

  show(line: string): void {
    if (this.terminal.isTTY) this.terminal.write(`\r\u001b[2K${line.slice(0, (this.terminal.columns || 80) - 1)}`);
  }

  /** Leaves the last line standing. */
  end(): void {
    if (this.terminal.isTTY) this.terminal.write('\n');
  }
}
