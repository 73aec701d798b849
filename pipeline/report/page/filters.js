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
  const column = table.columns.get(state.sort);
  const numbers = column?.kind === "words" ? column.numbers : null;
  const key = (place) => {
    if (!column) return table.ids[place];
    if (!numbers) return table.value(state.sort, place);
    return column.values[place] ? numbers[column.values[place] - 1] : null;
  };
  const keys = new Map(places.map((place) => [place, key(place)]));
  const sign = state.down ? -1 : 1;
  return places.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one - other;
    return sign * compared(a, b) || one - other;
  });
}

function compared(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
