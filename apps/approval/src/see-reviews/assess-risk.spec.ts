import { assessRisk } from './assess-risk.js';

it.each([
  [['patient/Observation.rs', 'openid', 'launch/patient'], 'ordinary', []],
  [['patient/*.rs'], 'elevated', ['reaches data of every kind, now and in future']],
  [
    ['user/Patient.rs', 'offline_access'],
    'elevated',
    ['can reach many patients through its user', 'goes on when the user has left'],
  ],
  [['patient/Observation.c'], 'high', ['changes data']],
  [['system/Patient.rs'], 'high', ['reaches every patient with no user present']],
  [['patient/Observation.read', 'patient/Observation.write'], 'high', ['changes data']],
] as const)('%j is of %s risk', (scopes, level, because) => {
  expect(assessRisk(scopes)).toEqual({ level, because });
});
