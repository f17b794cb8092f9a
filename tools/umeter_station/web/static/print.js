// A paper in a window of its own prints itself, and is gone when that is done.
"use strict";
window.addEventListener("load", () => window.print());
window.addEventListener("afterprint", () => window.close());
