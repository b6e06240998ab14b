import { randomBytes } from 'node:crypto';
import { PageLinks } from '../page-links/page-links.js';
import { type ExportCall, ExportLinks, type ExportOwner } from './export-links.js';

const key = randomBytes(32);
const links = new ExportLinks([key]);
const owner: ExportOwner = { endpoint: 'north', applicationId: 'a1', approvalVersion: 3 };
const call: ExportCall = {
  kind: 'operation',
  name: 'export',
  via: 'get',
  level: 'instance',
  type: 'Group',
  id: 'g1',
  params: [
    { name: '_type', value: 'Patient,Observation' },
    { name: '_since', value: '2026-01-01T00:00:00Z' },
  ],
};
const status = '/$export-poll-status?_jobId=1';
const asStatus = { name: 'export-status', via: 'get' } as const;
const asFile = { name: 'export-file', via: 'get' } as const;

test('an address leads back to the export, under the name that it was called by', () => {
  const sealed = links.seal(call, { status }, owner);
  expect(sealed).not.toContain('_jobId');
  expect(links.open(sealed, asStatus, owner)).toEqual({
    interaction: { ...call, name: 'export-status' },
    place: { status },
  });
});

test('an address of a file leads to its type alone', () => {
  const sealed = links.seal(call, { status, file: { type: 'Observation', index: 2 } }, owner);
  const opened = links.open(sealed, asFile, owner);
  expect(opened?.place).toEqual({ status, file: { type: 'Observation', index: 2 } });
  expect(opened?.interaction.params).toEqual([
    { name: '_since', value: '2026-01-01T00:00:00Z' },
    { name: '_type', value: 'Observation' },
  ]);
});

test.each<[string, ExportOwner]>([
  ['another application', { ...owner, applicationId: 'a2' }],
  ['another endpoint', { ...owner, endpoint: 'south' }],
  ['another approval', { ...owner, approvalVersion: 4 }],
  ['no approval', { ...owner, approvalVersion: undefined }],
])('it counts for nobody else: %s', (_what, other) => {
  expect(links.open(links.seal(call, { status }, owner), asStatus, other)).toBeUndefined();
});

test('one is not the other: a file’s, an export’s, a page’s', () => {
  const ofFile = links.seal(call, { status, file: { type: 'Patient' } }, owner);
  expect(links.open(ofFile, asStatus, owner)).toBeUndefined();
  expect(links.open(links.seal(call, { status }, owner), asFile, owner)).toBeUndefined();
  const { endpoint, applicationId } = owner;
  const pages = new PageLinks([key]);
  expect(pages.open(ofFile, { endpoint, applicationId, holder: 'a1' })).toBeUndefined();
});

test('it ends after a day', () => {
  let now = 0;
  const timed = new ExportLinks([key], () => now);
  const sealed = timed.seal(call, { status }, owner);
  now = 23 * 3_600_000;
  expect(timed.open(sealed, asStatus, owner)).toBeDefined();
  now = 25 * 3_600_000;
  expect(timed.open(sealed, asStatus, owner)).toBeUndefined();
});
