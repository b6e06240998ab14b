import { escape } from './layout.js';
import type { FormView } from './view-models.js';

/** The start of a form of ours; `</form>` ends it. */
export function formStart({ action, csrf }: FormView): string {
  return `<form method="post" action="${escape(action)}">
<input type="hidden" name="csrf" value="${escape(csrf)}">`;
}

/** What was wrong with what was posted. */
export function alert(fault: string | undefined): string {
  return fault === undefined ? '' : `<p role="alert">${escape(fault)}</p>`;
}
