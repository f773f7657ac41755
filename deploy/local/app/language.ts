/** Which of four languages a text is in, by its commonest words; the same words carry no weight in a summary. */
import { words } from './text.ts'

export type Language = 'en' | 'de' | 'fr' | 'es'

const common: Record<Language, ReadonlySet<string>> = {
  en: list(
    'the a an and or but if of to in on at for from with by as is are was were be been am it its this that these those i you he she we they me him her us them my your his our their not no so do does did have has had will would can could should there here what which who when where how why just than then also about into out up down over very all any some more most such only own same too',
  ),
  de: list(
    'der die das und oder aber wenn von zu in im an am auf für mit bei als ist sind war waren sein bin es ein eine einen einem einer eines dieser diese dieses ich du er sie wir ihr mich dich uns euch mein dein unser nicht kein keine so hat haben hatte wird werden würde kann können soll da hier was wer wann wo wie warum nur dann auch über aus sehr alle mehr noch schon doch mal dass den dem des sich nach vor bis zum zur',
  ),
  fr: list(
    'le la les un une des et ou mais si de du à au aux en dans sur pour par avec sans comme est sont était être ce cet cette ces je tu il elle on nous vous ils elles me te se mon ton son notre votre leur ne pas plus que qui quoi dont où quand comment pourquoi a ont avait fait peut tout tous très aussi bien c’est l d j n s qu',
  ),
  es: list(
    'el la los las un una unos unas y o pero si de del a al en con por para sin como es son era ser está están este esta estos estas yo tú él ella nosotros ellos me te se mi tu su nuestro no más que qué quién cuándo dónde cómo ha han había puede todo todos muy también ya lo le les hay',
  ),
}

/** Undefined when none of the four is plain: another language, another script, or too little text. */
export function languageOf(text: string): Language | undefined {
  const found = words(text.slice(0, 4000)).map((word) => word.toLowerCase())
  const hits = (Object.keys(common) as Language[])
    .map((language) => ({ language, count: found.filter((word) => common[language].has(word)).length }))
    .sort((a, b) => b.count - a.count)
  const [best, next] = hits
  if (best === undefined || next === undefined) return undefined
  return best.count >= 2 && best.count > next.count ? best.language : undefined
}

/** Words that say nothing about what a text is about, in any of the four languages. */
export function isCommon(word: string): boolean {
  return Object.values(common).some((list) => list.has(word))
}

function list(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}
