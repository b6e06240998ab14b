/**
 * What the set-up started and the tear-down stops; both run in Jest's own process. (JavaScript, since Jest resolves the
 * imports of these two without its module mapper.)
 *
 * @type {{ stop: () => Promise<void> }[]}
 */
const servers = [];

export const environment = {
  /** @param {{ stop: () => Promise<void> }} server */
  started(server) {
    servers.push(server);
  },

  async stop() {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  },
};
