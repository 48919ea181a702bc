/** The library looks when it is loaded: without this it has no Storage. To be imported before it. */
process.env.EXPERIMENTAL_STORAGE = '1'
