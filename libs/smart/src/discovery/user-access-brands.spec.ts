import { userAccessBrands } from './user-access-brands.js';

const at = {
  location: 'https://g.example/.well-known/user-access-brands',
  timestamp: '2026-11-24T09:30:00.000Z',
};

test('the brand names its endpoints, each of which is in the Bundle', () => {
  const endpoints = [
    { id: 'default', base: 'https://g.example/fhir' },
    { id: 'lab', base: 'https://g.example/fhir/lab' },
  ];
  expect(userAccessBrands({ name: 'Good Hospital', website: 'https://hospital.example' }, endpoints, at)).toMatchObject(
    {
      resourceType: 'Bundle',
      type: 'collection',
      timestamp: at.timestamp,
      entry: [
        {
          fullUrl: 'https://g.example/.well-known/Organization/brand',
          resource: {
            resourceType: 'Organization',
            name: 'Good Hospital',
            active: true,
            identifier: [{ system: 'urn:ietf:rfc:3986', value: 'https://hospital.example' }],
            telecom: [{ system: 'url', value: 'https://hospital.example' }],
            endpoint: [{ reference: 'Endpoint/default' }, { reference: 'Endpoint/lab' }],
          },
        },
        {
          fullUrl: 'https://g.example/.well-known/Endpoint/default',
          resource: { resourceType: 'Endpoint', status: 'active', address: 'https://g.example/fhir' },
        },
        {
          fullUrl: 'https://g.example/.well-known/Endpoint/lab',
          resource: { resourceType: 'Endpoint', status: 'active', address: 'https://g.example/fhir/lab' },
        },
      ],
    },
  );
});
