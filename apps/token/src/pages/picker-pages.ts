import { documentOf, form, markOf, patientDetail, type Setting } from './layout.js';
import { html, type Markup } from './markup.js';
import type { ApplicationView, EncounterPickerView, FormView, PatientPickerView } from './view-models.js';

/** Asks whose record an application is to see, of a person who may see several. */
export function patientPickerPage(setting: Setting, view: PatientPickerView): string {
  const { title, intro, legend, proceed } = setting.words.patientPicker;
  const options = view.patients.map((patient) => ({
    value: patient.id,
    name: patient.name,
    detail: patientDetail(setting, patient),
  }));
  return picker(setting, {
    ...view,
    title,
    intro: intro(view.application.name),
    legend,
    proceed,
    field: 'patient',
    options,
  });
}

/** Asks which visit an application is to work with; none in particular is an answer too. */
export function encounterPickerPage(setting: Setting, view: EncounterPickerView): string {
  const { title, intro, legend, none, proceed } = setting.words.encounterPicker;
  const options = view.encounters.map(({ id, title: name, start }) => ({
    value: id,
    name,
    detail: start === undefined ? '' : setting.words.date(start),
  }));
  return picker(setting, {
    ...view,
    title,
    intro: intro(view.application.name),
    legend,
    proceed,
    field: 'encounter',
    options: [...options, { value: '', name: none, detail: '' }],
  });
}

interface Picker {
  readonly application: ApplicationView;
  readonly form: FormView;
  readonly title: string;
  readonly intro: string;
  readonly legend: string;
  readonly proceed: string;
  /** The name under which the chosen value is posted. */
  readonly field: string;
  readonly options: readonly { readonly value: string; readonly name: string; readonly detail: string }[];
}

function picker(setting: Setting, view: Picker): string {
  const body = html`<div class="sheet">
    <div class="head">
      ${markOf(view.application)}
      <div>
        <h1>${view.title}</h1>
        <p class="quiet">${view.intro}</p>
      </div>
    </div>
    ${form(
      view.form,
      html`<fieldset>
          <legend>${view.legend}</legend>
          <ul class="rows">
            ${view.options.map((each) => option(view.field, each))}
          </ul>
        </fieldset>
        <div class="actions"><button class="main">${view.proceed}</button></div>`,
    )}
  </div>`;
  return documentOf(setting, { title: view.title, body });
}

function option(field: string, { value, name, detail }: Picker['options'][number]): Markup {
  return html`<li>
    <label class="choice">
      <input type="radio" name="${field}" value="${value}" required />
      <span class="name">${name}</span>
      ${detail !== '' && html`<span class="detail">${detail}</span>`}
    </label>
  </li>`;
}
