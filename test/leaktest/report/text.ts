/** Text for HTML, and numbers for people. */

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${String(char.charCodeAt(0))};`)
}

/** Four digits that count; counts whole, with thin spaces. */
export function numberOf(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'n/a'
  if (Number.isInteger(value)) return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
  return String(Number(value.toPrecision(3)))
}
