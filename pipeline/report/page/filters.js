// Which pairs are shown, and in which order.

let found = { key: null, places: [] };

/** Places in the table that hold all filters, in the order asked for. */
function shownPlaces() {
  const key = JSON.stringify([
    table.about.version, state.query, [...state.chosen].map(([name, levels]) => [name, ...levels]), [...state.ranges], state.sort, state.down,
  ]);
  if (found.key !== key) found = { key, places: sorted(filtered()) };
  return found.places;
}

/** The same in the manifest's order, without one column's own range: what a histogram of it counts. */
function filtered(without = null) {
  const tests = [];
  for (const [name, levels] of state.chosen) {
    const column = table.columns.get(name);
    const wanted = new Uint8Array(column.levels.length + 1);
    column.levels.forEach((level, place) => (wanted[place + 1] = levels.has(level) ? 1 : 0));
    tests.push((place) => wanted[column.values[place]]);
  }
  for (const [name, [least, most]] of state.ranges) {
    if (name === without) continue;
    tests.push((place) => {
      const value = table.value(name, place);
      return value !== null && (least === null || value >= least) && (most === null || value <= most);
    });
  }
  if (state.query.trim()) tests.push(queryTest(state.query.trim().toLowerCase()));
  const places = [];
  for (let place = 0; place < table.length; place++) if (tests.every((test) => test(place))) places.push(place);
  return places;
}

/** Whether a pair has all the words, in its id or its levels or its pictures' addresses. */
function queryTest(query) {
  const words = query.split(/\s+/);
  const columns = [...table.columns.values()].filter((column) => column.kind === "words");
  const lower = columns.map((column) => column.levels.map((level) => level.toLowerCase()));
  const tests = words.map((word) => {
    const hits = columns.map((column, number) => {
      const hit = new Uint8Array(column.levels.length + 1);
      lower[number].forEach((level, place) => (hit[place + 1] = level.includes(word) ? 1 : 0));
      return [column.values, hit];
    });
    return (place) => table.ids[place].toLowerCase().includes(word) || hits.some(([values, hit]) => hit[values[place]]);
  });
  return (place) => tests.every((test) => test(place));
}

/** As SQL sorts: NaN is the largest number, nothing comes last either way, and the manifest decides among equals. */
function sorted(places) {
  if (!state.sort) return state.down ? places.reverse() : places;
  const sign = state.down ? -1 : 1;
  const ranks = ranksOf(state.sort);
  const none = ranks.map((rank) => (rank < 0 ? 1 : 0));
  return places.sort((one, other) => none[one] - none[other] || sign * (ranks[one] - ranks[other]) || one - other);
}

const ranked = new Map(); // columns to the rank of each pair's value, -1 where there is none

/** Ranks of a column's values, those of equal ones equal: found once, for every later order. */
function ranksOf(name) {
  if (ranked.has(name)) return ranked.get(name);
  const column = table.columns.get(name);
  const ranks = new Int32Array(table.length).fill(-1);
  if (column?.kind === "words") {
    const levels = column.numbers || column.levels;
    const order = levels.map((_, place) => place).sort((one, other) => (levels[one] < levels[other] ? -1 : 1));
    const rank = new Int32Array(levels.length + 1).fill(-1);
    order.forEach((level, place) => (rank[level + 1] = place));
    for (let place = 0; place < table.length; place++) ranks[place] = rank[column.values[place]];
  } else {
    const values = column ? column.values : table.ids;
    const places = Int32Array.from(ranks, (_, place) => place).filter((place) => !column?.present || column.present[place]);
    const last = (value) => (value !== value ? 1 : 0); // NaN
    places.sort((one, other) => last(values[one]) - last(values[other]) || (values[one] < values[other] ? -1 : values[one] > values[other] ? 1 : 0));
    let rank = -1;
    places.forEach((place, at) => {
      const before = at ? values[places[at - 1]] : undefined;
      if (at === 0 || (before !== values[place] && !(last(before) && last(values[place])))) rank = at;
      ranks[place] = rank;
    });
  }
  ranked.set(name, ranks);
  return ranks;
}
