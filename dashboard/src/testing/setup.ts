import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

// One second, the library's own patience, is too short where both cores are busy.
configure({ asyncUtilTimeout: 60_000 });

// Test files run in one place after another: what a test showed, replaced or kept is gone before the next.
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
  localStorage.clear();
  sessionStorage.clear();
});
