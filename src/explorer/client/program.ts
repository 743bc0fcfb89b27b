/** The one program: the page in a document, and its workers elsewhere. */
import { startPage } from "./app.tsx";
import { serve } from "./worker.ts";

if (typeof document === "undefined") serve();
else startPage();
