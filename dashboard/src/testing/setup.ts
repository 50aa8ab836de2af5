import { configure } from '@testing-library/react';

// One second, the library's own patience, is too short where both cores are busy.
configure({ asyncUtilTimeout: 60_000 });
