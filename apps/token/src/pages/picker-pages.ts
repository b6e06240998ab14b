import { alert, formStart } from './form.js';
import { document, escape, type RenderedPage } from './layout.js';
import type { EncounterPickerView, PatientPickerView, PatientView } from './view-models.js';

/** Whose record is meant. */
export function patientPickerPage(view: PatientPickerView, leadsTo?: string): RenderedPage {
  const options = view.patients.map((patient) => option('patient', patient.id, describe(patient))).join('\n');
  const body = `${alert(view.fault)}
<p>${escape(view.application.name)} asks to see the record of one patient. Choose whose.</p>
${formStart(view.form)}
<fieldset><legend>Patients</legend>
${options}
</fieldset>
<button type="submit">Continue</button>
</form>`;
  return document('Choose a patient', body, leadsTo);
}

/** Which visit is meant. */
export function encounterPickerPage(view: EncounterPickerView, leadsTo?: string): RenderedPage {
  const options = view.encounters
    .map(({ id, title, start }) => option('encounter', id, [title, start?.slice(0, 10)].filter(Boolean).join(', ')))
    .join('\n');
  const body = `${alert(view.fault)}
<p>${escape(view.application.name)} asks for one visit${view.patient === undefined ? '' : ` of ${escape(view.patient.name)}`}.</p>
${formStart(view.form)}
<fieldset><legend>Visits</legend>
${options}
${option('encounter', '', 'None of these')}
</fieldset>
<button type="submit">Continue</button>
</form>`;
  return document('Choose a visit', body, leadsTo);
}

/** A patient in one line. */
export function describe({ name, birthDate, gender }: PatientView): string {
  return [name, birthDate === undefined ? undefined : `born ${birthDate}`, gender].filter(Boolean).join(', ');
}

function option(name: string, value: string, label: string): string {
  return `<label><input type="radio" name="${name}" value="${escape(value)}" required> ${escape(label)}</label>`;
}
