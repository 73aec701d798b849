// A served report follows its run: it asks every few seconds, and reads the table again when there is more of it.

const EVERY_MS = 5000;

async function followRun() {
  let tag = null;
  for (;;) {
    try {
      const answer = await fetch("live", tag ? { headers: { "If-None-Match": tag } } : {});
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        const told = await answer.json();
        $("live").hidden = false;
        $("live").textContent = told.words;
        $("live").className = told.standing;
        if (told.version !== table.about.version) await readTable();
        if (told.standing === "complete") return;
      }
    } catch {
      $("live").hidden = false;
      $("live").textContent = "The server of this page has ended: what is shown is what it said last. neckar report --serve goes on.";
      $("live").className = "silent";
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

async function readTable() {
  detailBlocks.clear();
  ranked.clear();
  table = new Table(await block("table"));
  $("told").textContent = table.about.told;
  readFragment();
  render();
}
