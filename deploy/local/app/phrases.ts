/** What a reply draft says around the words it takes from the message, in the four languages it can write. */
import type { Language } from './language.ts'

export type Tone = 'sad' | 'sorry' | 'glad' | 'urgent' | 'plain'

export type Phrases = {
  readonly everyone: string
  readonly hello: string
  readonly dear: string
  readonly opening: Record<Tone, string>
  readonly questions: string
  readonly blank: string
  readonly noted: string
  readonly todo: string
  readonly closing: string
}

export const phrases: Record<Language, Phrases> = {
  en: {
    everyone: 'Hi everyone',
    hello: 'Hi',
    dear: 'Dear',
    opening: {
      sad: 'I am so sorry to read this, and I am thinking of you.',
      sorry: 'Thank you for writing. No harm done.',
      glad: 'What good news, thank you for telling me!',
      urgent: 'Thank you, I have seen that this is urgent.',
      plain: 'Thank you for your message.',
    },
    questions: 'To the questions:',
    blank: '[your answer]',
    noted: 'I have noted:',
    todo: 'I have taken this in:',
    closing: 'Best wishes',
  },
  de: {
    everyone: 'Hallo zusammen',
    hello: 'Hallo',
    dear: 'Guten Tag',
    opening: {
      sad: 'das tut mir sehr leid, ich denke an euch.',
      sorry: 'danke für die Nachricht. Es ist nichts passiert.',
      glad: 'das sind schöne Neuigkeiten, danke!',
      urgent: 'danke, ich habe gesehen, dass es eilt.',
      plain: 'danke für die Nachricht.',
    },
    questions: 'Zu den Fragen:',
    blank: '[deine Antwort]',
    noted: 'Notiert habe ich:',
    todo: 'Das habe ich aufgenommen:',
    closing: 'Viele Grüße',
  },
  fr: {
    everyone: 'Bonjour à tous',
    hello: 'Bonjour',
    dear: 'Bonjour',
    opening: {
      sad: 'Je suis vraiment désolé de l’apprendre, je pense à vous.',
      sorry: 'Merci pour le message. Ce n’est pas grave.',
      glad: 'Quelle bonne nouvelle, merci !',
      urgent: 'Merci, j’ai bien vu que c’est urgent.',
      plain: 'Merci pour le message.',
    },
    questions: 'Pour les questions :',
    blank: '[votre réponse]',
    noted: 'J’ai noté :',
    todo: 'J’ai bien pris en compte :',
    closing: 'Bien à vous',
  },
  es: {
    everyone: 'Hola a todos',
    hello: 'Hola',
    dear: 'Buenos días',
    opening: {
      sad: 'Lo siento mucho, pienso en vosotros.',
      sorry: 'Gracias por el mensaje. No pasa nada.',
      glad: '¡Qué buena noticia, gracias!',
      urgent: 'Gracias, he visto que es urgente.',
      plain: 'Gracias por el mensaje.',
    },
    questions: 'Sobre las preguntas:',
    blank: '[tu respuesta]',
    noted: 'He apuntado:',
    todo: 'Lo tengo en cuenta:',
    closing: 'Un saludo',
  },
}
