import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Suspense } from 'react';
import { afterEach, expect, test, vi } from 'vitest';

import { PartBoundary, PartProblem } from '@/components/part-boundary';
import { lazyPart, part, PartMissing } from '@/lib/part';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function show() {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const Gone = lazyPart<object>(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module')));
  render(
    <PartBoundary>
      <Suspense fallback="…">
        <Gone />
      </Suspense>
    </PartBoundary>,
  );
}

function served(script: string) {
  const own = document.createElement('script');
  own.setAttribute('src', '/assets/index-old.js');
  vi.spyOn(document, 'querySelector').mockReturnValue(own);
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(`<script type="module" src="${script}"></script>`)));
}

test('a part that a new version replaced says so, and the page around it stays', async () => {
  served('/assets/index-new.js');
  show();
  expect((await screen.findByRole('alert')).textContent).toContain('A new version of the control room was installed.');
});

test('a part that nobody answers for is told apart from a new version', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  show();
  expect((await screen.findByRole('alert')).textContent).toContain('The controller does not answer');
});

test('the button reloads the page', async () => {
  const reload = vi.fn();
  render(<PartProblem error={new PartMissing(true, {})} onReload={reload} />);
  await userEvent.click(screen.getByRole('button', { name: 'Reload' }));
  expect(reload).toHaveBeenCalledOnce();
});

test('a part is fetched once, and again after a failure', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  const load = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('gone')).mockResolvedValue('here');
  const fetched = part(load);
  await expect(fetched()).rejects.toThrow(PartMissing);
  expect([await fetched(), await fetched()]).toEqual(['here', 'here']);
  expect(load).toHaveBeenCalledTimes(2);
});
