import { escapeText, sandboxPage } from '../sandbox-page.js';

/** Something to choose: its value, and what it is called. */
export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** What an EHR would have open, and what it may start. */
export interface SimulatorView {
  /** Where the form is posted. */
  readonly action: string;
  /** By their client_ids: applications with open access and a launch URI. */
  readonly applications: readonly Choice[];
  readonly users: readonly Choice[];
  readonly patients: readonly Choice[];
  /** Those of each patient. */
  readonly encounters: readonly { readonly patient: string; readonly of: readonly Choice[] }[];
  /** What was chosen before, by the fields' names. */
  readonly chosen: Readonly<Record<string, string>>;
  /** Why it did not start. */
  readonly fault?: string;
}

/** The page of an EHR's user who starts an application (SMART App Launch 2.2, 2.0.2.1). */
export function simulatorPage(view: SimulatorView): string {
  const { action, applications, users, patients, encounters, chosen, fault } = view;
  const selected = (name: string, { value, label }: Choice): string =>
    `<option value="${escapeText(value)}"${chosen[name] === value ? ' selected' : ''}>${escapeText(label)}</option>`;
  const select = (name: string, label: string, options: string, hint = ''): string => {
    const described = hint === '' ? '' : ` aria-describedby="${name}-hint"`;
    const said = hint === '' ? '' : `\n<p class="hint" id="${name}-hint">${hint}</p>`;
    return `<label for="${name}">${label}</label>\n<select id="${name}" name="${name}"${described}>${options}</select>${said}`;
  };
  const plain = (name: string, choices: readonly Choice[]): string =>
    choices.map((choice) => selected(name, choice)).join('');
  const none = '<option value="">None</option>';
  const grouped = encounters
    .map(({ patient, of }) => `<optgroup label="${escapeText(patient)}">${plain('encounter', of)}</optgroup>`)
    .join('');
  const form =
    applications.length === 0
      ? '<p>No approved application has a launch URI yet. Register one with <code>launchUri</code>, approve it, and come back.</p>'
      : `<form method="post" action="${escapeText(action)}">
${select('application', 'Application', plain('application', applications))}
${select('user', 'Who is signed in to the EHR', plain('user', users), 'Sign in as the same person when the application asks.')}
${select('patient', 'Patient that is open', none + plain('patient', patients))}
${select('encounter', 'Encounter that is open', none + grouped, 'One of the patient’s own.')}
<label for="intent">Intent</label>
<input id="intent" name="intent" maxlength="200" value="${escapeText(chosen['intent'] ?? '')}" aria-describedby="intent-hint">
<p class="hint" id="intent-hint">What the application is to begin with, in words that you and it agreed on. May be empty.</p>
<button type="submit">Launch</button>
</form>`;
  return sandboxPage(
    `${fault === undefined ? '' : 'Error: '}Launch an application`,
    `<h1>Launch an application</h1>
<p>This plays the EHR: it mints a launch for what is open here, and sends the browser to the application with it.</p>
${fault === undefined ? '' : `<p role="alert">${escapeText(fault)}</p>`}
${form}`,
  );
}
