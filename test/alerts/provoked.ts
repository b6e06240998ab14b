/** Where each alert is raised by a real fault, at real services: all of it in `npm test`, but what stands in test/faults/long. */
export const provokedIn: Readonly<Record<string, string>> = {
  GatehouseInstanceDown: 'test/faults/alerts.fault.spec.ts',
  GatehouseServiceDown: 'test/faults/spooled-records.fault.spec.ts',
  GatehouseServiceAbsent: 'test/faults/spooled-records.fault.spec.ts',
  GatehouseLeaseLost: 'test/faults/closing-access.fault.spec.ts',
  GatehouseRevocationIncomplete: 'test/faults/closing-access.fault.spec.ts',
  GatehouseRevocationSlow: 'test/faults/closing-access.fault.spec.ts',
  GatehouseAuditTreesRefused: 'test/audit/tampering.int.spec.ts',
  GatehouseAuditNotAcknowledged: 'test/faults/closing-access.fault.spec.ts',
  GatehouseAuditSlow: 'test/faults/alerts.fault.spec.ts',
  GatehouseCommandsNotAppended: 'test/faults/alerts.fault.spec.ts',
  GatehouseCommandsUndecided: 'test/faults/alerts.fault.spec.ts',
  GatehouseCommandFailed: 'test/faults/alerts.fault.spec.ts',
  GatehouseRightsUnanswered: 'apps/gateway/src/user-rights/user-rights.int.spec.ts',
  GatehouseRecordsSpooled: 'test/faults/spooled-records.fault.spec.ts',
  // The rule counts real seconds: more than thirty.
  GatehouseConsumerBehind: 'test/faults/long/alerts.fault.spec.ts',
  GatehouseNotReady: 'test/faults/services.fault.spec.ts',
  GatehouseErrors: 'test/faults/services.fault.spec.ts',
  GatehouseEventLoopHeld: 'test/faults/alerts.fault.spec.ts',
};
