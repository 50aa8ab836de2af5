import { lazy, type ComponentType } from 'react';

/** A part of the application that its file could not be fetched for. */
export class PartMissing extends Error {
  readonly #replaced: boolean;

  constructor(replaced: boolean, options: ErrorOptions) {
    super('A part of the control room could not be fetched.', options);
    this.#replaced = replaced;
  }

  /** Whether another version of the application is served by now; otherwise nobody answered. */
  get replaced(): boolean {
    return this.#replaced;
  }
}

type Load<T> = () => Promise<T>;

/** Something that is fetched when it is first asked for, once; a try that failed does not keep the next one from it. */
export function part<T>(load: Load<T>): Load<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= load().catch(async (cause: unknown) => {
      asked = undefined;
      throw new PartMissing(await replaced(), { cause });
    });
    return asked;
  };
}

type Preloaded<P> = ComponentType<P> & { preload: () => void };

/** A component that is a part. `preload` fetches it before it is shown, for example when a pointer comes near. */
export function lazyPart<P extends object>(load: Load<ComponentType<P>>): Preloaded<P> {
  const fetched = part(load);
  const Component = lazy(async () => ({ default: await fetched() }));
  return Object.assign(Component as unknown as ComponentType<P>, { preload: () => quietly(fetched) });
}

/** Fetches ahead of need. A failure is nobody's concern yet: it is met again when the part is shown. */
export function quietly(load: Load<unknown>): void {
  load().catch(() => undefined);
}

/** Whether the page that is served now begins with another script than this one did. */
async function replaced(): Promise<boolean> {
  const own = document.querySelector('script[type="module"][src]')?.getAttribute('src');
  try {
    const answer = await fetch('/', { cache: 'no-store', headers: { Accept: 'text/html' } });
    return answer.ok && typeof own === 'string' && !(await answer.text()).includes(own);
  } catch {
    return false;
  }
}
