import { explainScope } from './explain-scope.js';
import { parseScope } from './parse-scope.js';

it.each([
  ['system/MedicationRequest.rs', 'Read, search and list prescriptions of every patient, with no user present.'],
  [
    'patient/Patient.r',
    'Read identity and demographics (names, birth dates, addresses) of the one patient in context.',
  ],
  [
    'user/Goal.cud',
    'Create, change and delete care goals that the signed-in user may see, which can be of many patients.',
  ],
  ['patient/*.s', 'Search and list data of every kind, now and in future of the one patient in context.'],
  ['system/Substance.r', 'Read Substance records of every patient, with no user present.'],
  [
    'patient/Condition.rs?category=a,b&code=c',
    'Read, search and list diagnoses, problems and health concerns of the one patient in context, only where category is a or b and code is c.',
  ],
  ['offline_access', 'Keep this access when the user is no longer signed in, until it expires or is withdrawn.'],
])('%s', (text, sentence) => {
  const parsed = parseScope(text);
  expect(parsed.ok && explainScope(parsed.scope)).toBe(sentence);
});
