import { membersOf } from './exported-lines.js';

const now = Date.parse('2026-06-15T12:00:00Z');

test('in a group is who is listed, active, and in it now', () => {
  const member = (id: string, more: object = {}) => ({ entity: { reference: `Patient/${id}` }, ...more });
  const period = (start?: string, end?: string) => ({ period: { start, end } });
  const group = {
    resourceType: 'Group',
    member: [
      member('p1'),
      member('today', period('2026-06-15', '2026-06-15')),
      member('gone', period('2026-01-01', '2026-06-14')),
      member('to-come', period('2026-06-16')),
      member('unread', { period: { end: 'soon' } }),
      member('inactive', { inactive: true }),
      { entity: { reference: 'Practitioner/x' } },
    ],
  };
  expect([...membersOf(group, [], now)]).toEqual(['p1', 'today']);
});
