/**
 * All commands, and how they are called.
 */
import { Command } from 'commander';
import { addDataCommand } from './data.js';
import { addDoctorCommand } from './doctor.js';
import { addEvalCommand } from './eval.js';
import { addFixCommand } from './fix.js';
import { addJudgeCommand } from './judge.js';
import { addNarrateCommand } from './narrate.js';
import { addReportCommand } from './report.js';
import { addRunCommand } from './run.js';
import { addShowCommand } from './show.js';
import { addSimulateCommand } from './simulate.js';
import { addTraceCommand } from './trace.js';
import { addTrainCommand } from './train.js';
import { addVerifyCommand } from './verify.js';

export function createProgram(): Command {
  const program = new Command('deskcheck')
    .description(
      'Teach code models to desk-check their own programs, and choose and repair programs without running them.',
    )
    .showHelpAfterError('(deskcheck --help lists the commands)')
    .exitOverride();

  addRunCommand(program);
  addTrainCommand(program);
  addTraceCommand(program);
  addDataCommand(program);
  addNarrateCommand(program);
  addReportCommand(program);
  addEvalCommand(program);
  addSimulateCommand(program);
  addJudgeCommand(program);
  addVerifyCommand(program);
  addFixCommand(program);
  addShowCommand(program);
  addDoctorCommand(program);
  return program;
}
