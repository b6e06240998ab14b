import { Type } from 'typebox';
import { accept, type CommandOf, type Decider, defineContext, message, refuse, topicsOf } from '#contracts';

/** The smallest context: a number that is opened and added to, never below zero. */
export const counter = defineContext({
  context: 'counter',
  commands: {
    open: message('Opens a counter.', Type.Object({})),
    add: message('Adds to it.', Type.Object({ amount: Type.Integer() })),
  },
  events: {
    opened: message('A counter was opened.', Type.Object({})),
    added: message('Something was added.', Type.Object({ amount: Type.Integer() })),
  },
});

export const counterTopics = Object.values(topicsOf(counter));

export const counterDecider: Decider<typeof counter, { readonly total: number }> = {
  contract: counter,
  version: 1,
  decide(state, command: CommandOf<typeof counter>) {
    switch (command.type) {
      case 'open':
        return state ? accept() : accept({ type: 'opened', data: {} });
      case 'add':
        if (!state)
          return refuse({ status: 404, type: 'not-found', title: 'No such counter', detail: 'Open it first.' });
        if (command.data.amount === 666) throw new Error('poison');
        if (state.total + command.data.amount < 0) {
          return refuse({
            status: 422,
            type: 'below-zero',
            title: 'Below zero',
            detail: 'A counter is never negative.',
          });
        }
        return accept({ type: 'added', data: command.data });
    }
  },
  evolve(state, event) {
    return { total: (state?.total ?? 0) + (event.type === 'added' ? event.data.amount : 0) };
  },
  view: (state, version) => ({ total: state.total, version }),
};
