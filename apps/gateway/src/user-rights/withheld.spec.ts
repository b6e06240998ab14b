import { systemReaches } from '#smart';
import { WithheldFrom } from './withheld.js';

const surveys = { name: 'no surveys', types: ['Observation'], unlessPurpose: ['ETREAT'] } as const;

describe('what an endpoint withholds', () => {
  test('by a rule that holds for the application, is taken from what scopes reach', () => {
    expect(new WithheldFrom([surveys]).from(systemReaches, ['TREAT']).withheld?.names).toEqual(['no surveys']);
  });

  test('is nothing where the application was approved for what every rule lets see, or there is no rule', () => {
    expect(new WithheldFrom([surveys]).from(systemReaches, ['ETREAT'])).toBe(systemReaches);
    expect(new WithheldFrom([]).from(systemReaches)).toBe(systemReaches);
  });
});
