import { must } from '../checks.js';
import { at, listAt, textAt } from '../json.js';

/** Holds a receipt against what it promises, and says what stands in it. */
export function readReceipt(receipt: unknown, applicationId: string, say: (line: string) => void): void {
  must(textAt(receipt, 'applicationId') === applicationId, 'the receipt is about this application', receipt);
  const points = listAt(receipt, 'enforcementPoints');
  must(points.length >= 2, 'gateway and token service stand in the receipt', receipt);
  must(listAt(receipt, 'outstanding').length === 0, 'no enforcement point is outstanding', receipt);
  say(`receipt: decided at ${textAt(receipt, 'decidedAt')}, in force everywhere at ${textAt(receipt, 'enforcedAt')}`);
  for (const point of points) {
    say(`  ${textAt(point, 'kind')} ${textAt(point, 'id')} applied it at ${textAt(point, 'appliedAt')}`);
  }
  say(
    `  ${String(at(receipt, 'elapsedMs'))} ms; outstanding: none; writes in flight: ${String(at(receipt, 'inFlightWrites'))}`,
  );
}
