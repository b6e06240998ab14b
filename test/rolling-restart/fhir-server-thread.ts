import { parentPort } from 'node:worker_threads';
import { CheapFhirServer } from './fhir-server.js';

/** A thread of its own for the FHIR server: it tells its URL, and of each resource that it is asked for what was written. */
const server = await CheapFhirServer.start();
parentPort?.on('message', (target: string) => parentPort?.postMessage(server.written(target)));
parentPort?.postMessage(server.url);
