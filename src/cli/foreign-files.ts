/**
 * Readers of files that seamlock did not write itself. They check every field, with libraries that take longer to load than a report to
 * make, so this file is imported on demand; what is bundled was checked by the tests.
 */
export { allowText, failing, findingGroups, parseAllow, unaccepted } from "../analysis/index.ts";
export { parseCatalog } from "../catalog/index.ts";
export { parseHost } from "../host/index.ts";
