import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** How often requests are looked through for those that took too long, in milliseconds. */
const LOOK_MS = 250;

/** Those of connections that are open. */
const open = new Set<RequestQueue>();
let looking: NodeJS.Timeout | undefined;
let patched = false;

/**
 * kafkajs keeps two timers on each connection: of one millisecond while it is idle, some 4 % of a core for a dozen of them,
 * and of 100 that looks for requests which took too long, which wakes a process with thirty connections three hundred times a
 * second. The first is needed only while requests wait, and of the second one for all connections is enough.
 */
export function quietTimers(): void {
  if (patched) return;
  patched = true;
  const prototype = RequestQueue.prototype;
  // Called below with the queue as `this`.
  /* eslint-disable @typescript-eslint/unbound-method -- kafkajs gives no other way to reach them */
  const { scheduleCheckPendingRequests, destroy } = prototype;
  /* eslint-enable @typescript-eslint/unbound-method */
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) scheduleCheckPendingRequests.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue) {
    open.add(this);
    looking ??= setInterval(lookThrough, LOOK_MS).unref();
  };
  prototype.destroy = function (this: RequestQueue) {
    open.delete(this);
    if (open.size === 0) {
      clearInterval(looking);
      looking = undefined;
    }
    destroy.call(this);
  };
}

function lookThrough(): void {
  const now = Date.now();
  for (const queue of open) {
    for (const request of queue.inflight.values())
      if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
    if (!queue.isConnected()) queue.destroy();
  }
}
