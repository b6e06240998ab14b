export type { EnforcementMeter } from './enforcement-meter.js';
export { EnforcementPoint } from './enforcement-point.js';
export type { EnforcementPointOptions } from './enforcement-point.js';
export { ReceiptCollector, ReceiptUnavailable } from './receipt-collector.js';
export type { ConfirmedPoint, OutstandingPoint, Receipt } from './receipt-collector.js';
export { enforcementTiming } from './timing.js';
export type { EnforcementTiming } from './timing.js';
