// Pairs without a picture, by why: what the code means, what mends it, and each pair's own message.

const MESSAGES = 20; // shown at once

const failuresView = {
  show(view) {
    const name = table.own("error_code");
    const column = table.columns.get(name);
    const groups = new Map();
    let pending = 0;
    for (let place = 0; place < table.length; place++) {
      const status = table.status(place);
      if (status === "pending") pending++;
      else if (status !== "ok") {
        const code = column.values[place] ? column.levels[column.values[place] - 1] : "internal";
        if (!groups.has(code)) groups.set(code, []);
        groups.get(code).push(place);
      }
    }
    const sections = [...groups].sort((one, other) => other[1].length - one[1].length).map(([code, places]) => this.section(code, places, name));
    fill(view, h("div", { class: "page" },
      h("h2", {}, "Failures"),
      groups.size ? null : h("p", {}, "No pair has failed."),
      pending ? h("p", {}, `${count(pending, "pair")} pending: not tried yet, or under way. The same neckar run goes on.`) : null,
      sections));
  },

  section(code, places, name) {
    const { meaning, mend } = table.about.mends[code] || { meaning: code, mend: "" };
    const messages = h("ul", { class: "messages" });
    const rest = button("", () => this.messages(messages, rest, places), { class: "small" });
    this.messages(messages, rest, places);
    return h("section", { class: "failure" },
      h("h3", {}, `${code.replaceAll("_", " ")} `, h("span", { class: "level-count" }, count(places.length, "pair"))),
      h("p", {}, meaning),
      h("p", {}, h("strong", {}, "Mend: "), mend),
      button("Show them in the gallery", () => go({ view: "gallery", query: "", ranges: new Map(), chosen: new Map([[name, new Set([code])]]) })),
      messages, rest);
  },

  async messages(listed, rest, places) {
    const next = places.slice(listed.children.length, listed.children.length + MESSAGES);
    const items = next.map((place) => h("li", {}, h("button", { type: "button", class: "link tile", "data-pair": table.ids[place], onclick: () => openPair(place) }, table.ids[place]), " ", h("span", { dir: "auto" }, "…")));
    listed.append(...items);
    const left = places.length - listed.children.length;
    rest.textContent = `${Math.min(left, MESSAGES)} more of ${left}`;
    rest.hidden = left === 0;
    for (const [number, place] of next.entries()) {
      const words = await detailsOf(place).then(({ row }) => row.error_message || "no message", (error) => error.message);
      items[number].lastChild.textContent = words;
    }
  },

  step(by) {
    const links = [...document.querySelectorAll(".failure .link")];
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at < 0 ? 0 : at + by, 0), links.length - 1)]?.focus();
  },
};
