/** Removes the handler that it was returned for; calling it again does nothing. */
export type Unsubscribe = () => void;
export type Handler<E> = (event: E) => void;

/** Handlers by the name of their event; `Events` maps names to what handlers are given. */
export class Subscriptions<Events extends object> {
  private readonly handlers: { [Name in keyof Events]?: readonly Handler<Events[Name]>[] } = {};

  /** A handler that is added twice is called twice. */
  on<Name extends keyof Events>(name: Name, handler: Handler<Events[Name]>): Unsubscribe {
    // A function of its own, so that each subscription is removed alone.
    const own: Handler<Events[Name]> = (event) => handler(event);
    this.handlers[name] = [...(this.handlers[name] ?? []), own];
    return () => {
      this.handlers[name] = this.handlers[name]?.filter((other) => other !== own);
    };
  }

  /** Calls every handler of an event, in the order of subscription; undefined where there is none, so that nobody prepares events in vain. */
  emitterOf<Name extends keyof Events>(name: Name): Handler<Events[Name]> | undefined {
    if ((this.handlers[name] ?? []).length === 0) return undefined;
    return (event) => {
      for (const handler of this.handlers[name] ?? []) handler(event);
    };
  }
}
