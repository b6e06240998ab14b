import { validateResource } from '@medplum/core';
import type { CodeableConcept, Resource } from '@medplum/fhirtypes';
import { loadSearchDefinitions } from '../search-definitions.js';
import { systems } from './coding.js';
import { sandboxResources } from './sandbox-resources.js';

const resources = sandboxResources();
const ofType = <Type extends Resource['resourceType']>(type: Type) =>
  resources.filter((it): it is Extract<(typeof resources)[number], { resourceType: Type }> => it.resourceType === type);
const categories = (concepts: readonly CodeableConcept[]) =>
  new Set(concepts.flatMap((it) => it.coding ?? []).map(({ system, code }) => `${system}|${code}`));

describe('the data of the sandbox', () => {
  it('is the same at every start', () => {
    expect(sandboxResources()).toEqual(resources);
  });

  it('has a dozen patients, and every id once', () => {
    expect(ofType('Patient').map((it) => it.id)).toEqual(expect.arrayContaining(['patient-01', 'patient-12']));
    expect(ofType('Patient')).toHaveLength(12);
    const keys = resources.map((it) => `${it.resourceType}/${it.id}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is valid FHIR R4', () => {
    loadSearchDefinitions(new Set(resources.map((it) => it.resourceType)));
    for (const resource of resources) expect(() => validateResource(resource)).not.toThrow();
    const incomplete = JSON.parse('{"resourceType":"Observation","status":"final"}') as Resource;
    expect(() => validateResource(incomplete)).toThrow('code');
  });

  it('refers only to what is there', () => {
    const keys = new Set(resources.map((it) => `${it.resourceType}/${it.id}`));
    const references = [...JSON.stringify(resources).matchAll(/"reference":"([^"]+)"/g)].map(
      ([, reference]) => reference,
    );
    expect(references.length).toBeGreaterThan(500);
    expect(references.filter((it) => it === undefined || !keys.has(it))).toEqual([]);
  });

  it('has observations and conditions in every category of US Core, for every patient', () => {
    for (const { id } of ofType('Patient')) {
      const mine = (subject?: { reference?: string }) => subject?.reference === `Patient/${id}`;
      const observed = categories(
        ofType('Observation')
          .filter((it) => mine(it.subject))
          .flatMap((it) => it.category ?? []),
      );
      expect(observed).toEqual(
        new Set([
          ...['laboratory', 'vital-signs', 'social-history', 'survey', 'procedure'].map(
            (code) => `${systems.observationCategory}|${code}`,
          ),
          `${systems.usCoreCategory}|sdoh`,
          `${systems.usCoreObservationCategory}|clinical-test`,
        ]),
      );
      const conditions = categories(
        ofType('Condition')
          .filter((it) => mine(it.subject))
          .flatMap((it) => it.category ?? []),
      );
      expect(conditions).toEqual(
        new Set([
          `${systems.conditionCategory}|encounter-diagnosis`,
          `${systems.conditionCategory}|problem-list-item`,
          `${systems.usCoreConditionCategory}|health-concern`,
        ]),
      );
    }
  });
});
