import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The controller serves what is built here under a strict content security policy: no inline script, no inline style,
// nothing from another origin. Assets are therefore always files.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: '../controller/_dashboard',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
    // What every page stands on keeps its name from release to release, so that browsers fetch only what changed.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'foundation', test: /node_modules\/(react|react-dom|react-router|scheduler|@tanstack\/(query-core|react-query)|openapi-fetch)\// }] } },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8321' } },
  // How long a busy machine may take is nobody's test: whatever is waited for comes, and a hang fails after minutes.
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    globals: false,
    // Test files share nothing but what setup.ts takes back after each test, so that modules are loaded once.
    pool: 'threads',
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
