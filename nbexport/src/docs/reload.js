// Loads the page again when `nbexport docs --serve` has made the site anew.
(async () => {
  let known = null;
  for (;;) {
    try {
      const now = await (await fetch("/.nbexport-version", { cache: "no-store" })).text();
      if (known !== null && now !== known) location.reload();
      known = now;
    } catch {
      // The server is gone, or not there yet.
    }
    await new Promise((done) => setTimeout(done, 500));
  }
})();
